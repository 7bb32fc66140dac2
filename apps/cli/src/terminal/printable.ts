/**
 * Text from elsewhere (names of files, messages of other programs) as it may go to a terminal: control characters, and
 * those that turn the direction of writing, are spelt out, so that they can neither hide nor forge anything.
 */
export function printable(text: string, newlines: 'keep' | 'escape' = 'escape'): string {
  return text.replace(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, (character) => {
    if (character === '\n' && newlines === 'keep') return character
    const known = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character]
    return known ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
