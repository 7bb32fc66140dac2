/** A flat record beside an image; what filters look at. */
export type Metadata = Readonly<Record<string, MetadataValue>>

export type MetadataValue = string | number | boolean

/** Numbers from and up to; what is no number is outside. */
export interface FilterRange {
  readonly gt?: number | undefined
  readonly gte?: number | undefined
  readonly lt?: number | undefined
  readonly lte?: number | undefined
}

/** Whether the key is there at all. */
export interface FilterExists {
  readonly exists: boolean
}

/** Equal to the value, or to one of the values (of the same type: `2` is not `'2'`); in a range; there or not. */
export type FilterCondition = MetadataValue | readonly MetadataValue[] | FilterRange | FilterExists

/**
 * Which images may be found, as data: each key's condition must hold. `$and` and `$or` join filters.
 *
 * @example
 * { colour: ['red', 'blue'], price: { gte: 10, lt: 20 }, $or: [{ sold: false }, { sold: { exists: false } }] }
 */
export interface Filter {
  readonly [key: string]: FilterCondition | readonly Filter[]
}

/** A filter as stores compile it: `parseFilter` makes it. An `and` of nothing fits every image, an `or` of nothing none. */
export type FilterNode =
  | { readonly op: 'and'; readonly of: readonly FilterNode[] }
  | { readonly op: 'or'; readonly of: readonly FilterNode[] }
  | { readonly op: 'in'; readonly key: string; readonly values: readonly MetadataValue[] }
  | { readonly op: 'range'; readonly key: string; readonly range: FilterRange }
  | { readonly op: 'exists'; readonly key: string; readonly exists: boolean }
