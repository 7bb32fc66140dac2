import { createRequire } from 'node:module'
import type { DataType, Field, FixedSizeList, Float32, Schema, Table, Vector } from 'apache-arrow'

/** LanceDB's own copy of Arrow: it does not know the classes of the one that `import` gives. */
export const arrow = createRequire(import.meta.url)('apache-arrow') as typeof import('apache-arrow')

export const vectorField = (name: string, dim: number, metadata: Record<string, string> = {}): Field =>
  new arrow.Field(
    name,
    new arrow.FixedSizeList(dim, new arrow.Field('item', new arrow.Float32(), true)),
    true,
    new Map(Object.entries(metadata)),
  )

export const isVector = (field: Field): field is Field<FixedSizeList<Float32>> =>
  arrow.DataType.isFixedSizeList(field.type)

/** A value a row, or the rows of a matrix one after the other. */
export type Column = readonly unknown[] | Float32Array

/** Rows for LanceDB, of the fields that are given. */
export function tableOf(fields: readonly Field[], columns: Readonly<Record<string, Column>>): Table {
  const children = fields.map((field) => {
    const values = columns[field.name] ?? []
    if (!(values instanceof Float32Array)) return arrow.vectorFromArray(values, field.type).data[0]!
    const type = field.type as FixedSizeList<Float32>
    const child = arrow.makeData({ type: new arrow.Float32(), length: values.length, data: values })
    return arrow.makeData({ type, length: values.length / type.listSize, nullCount: 0, child })
  })
  const schema: Schema = new arrow.Schema([...fields])
  const type = new arrow.Struct<Record<string, DataType>>([...fields])
  const data = arrow.makeData({ type, length: children[0]?.length ?? 0, children })
  return new arrow.Table(schema, new arrow.RecordBatch(schema, data))
}

/** All rows of a column of vectors, one after the other. */
export function matrixData(table: Table, name: string, dim: number): Float32Array {
  const all = new Float32Array(table.numRows * dim)
  let row = 0
  for (const data of (table.getChild(name) as Vector<FixedSizeList<Float32>> | null)?.data ?? []) {
    const values = data.children[0]!.values as Float32Array
    all.set(values.subarray(data.offset * dim, (data.offset + data.length) * dim), row * dim)
    row += data.length
  }
  return all
}
