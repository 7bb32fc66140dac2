/** The nine drawing styles of the emoji benchmark, each an npm package `@iconify-json/<name>`. */
export const EMOJI_STYLES = [
  'noto',
  'noto-v1',
  'twemoji',
  'openmoji',
  'emojione',
  'emojione-monotone',
  'fxemoji',
  'fluent-emoji-flat',
  'fluent-emoji-high-contrast',
] as const

export type EmojiStyle = (typeof EMOJI_STYLES)[number]

/** Black line drawings: the styles that the protocol `unseen-style` keeps from training. */
export const LINE_ART_STYLES: readonly EmojiStyle[] = ['fluent-emoji-high-contrast', 'emojione-monotone']

/** Sets whose names identify the icons of the sets that list no code points; the first that knows a name wins. */
export const NAMING_STYLES: readonly EmojiStyle[] = ['noto', 'twemoji', 'openmoji', 'fluent-emoji-flat']
