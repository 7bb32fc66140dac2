/** Something that the reader of the command can put right; its text says how. */
export class Problem extends Error {
  override readonly name = 'Problem'
}
