import { emoji } from './emoji/emoji.js'

export default [emoji]

export { emoji }
export { EMOJI_COUNTS, type EmojiOptions, loadEmoji } from './emoji/load-emoji.js'
export { EMOJI_STYLES, type EmojiStyle, LINE_ART_STYLES } from './emoji/emoji-sets.js'
export type { LoadContext } from './load-context.js'
export { splitClasses, type SplitClassesOptions } from './splits/split-classes.js'
