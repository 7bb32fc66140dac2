export interface Subset {
  readonly name: string
  readonly title: string
  readonly packages: readonly string[]
  /** A module that uses them, and prints what it found as JSON. */
  readonly program: string
}

export const SUBSETS: readonly Subset[]
