/** A triple as a file gives it: ids unchecked, split and context as written. */
export interface RawTriple {
  /** Where it stands: `file:line`. */
  readonly where: string
  readonly reference: string
  readonly a: string
  readonly b: string
  readonly closer: 'a' | 'b'
  readonly split?: string | undefined
  readonly context?: string | undefined
  readonly classA?: number | undefined
  readonly classB?: number | undefined
  readonly agreement?: number | undefined
}
