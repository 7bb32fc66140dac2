import type { GalleryInfo, Item } from './api.js'

/** What an image is called: the end of its id. */
export const nameOf = (id: string): string => id.replace(/\/+$/, '').split('/').at(-1) || id

/** Its class, where the metadata has one. */
export function classOf({ metadata }: Pick<Item, 'metadata'>): string | undefined {
  const found = metadata.label ?? metadata.class ?? metadata.category
  return found === undefined ? undefined : String(found)
}

export const titleOf = (item: Pick<Item, 'id' | 'metadata'>): string => classOf(item) ?? nameOf(item.id)

/** Never below nothing: rounding may leave a distance of the same image there. */
export const distanceText = (distance: number): string => distance.toFixed(3).replace(/^-(0\.0+)$/, '$1')

export const number = (value: number): string => value.toLocaleString('en')

export const images = (count: number): string => (count === 1 ? '1 image' : `${number(count)} images`)

type Served = Pick<GalleryInfo, 'name' | 'model' | 'beside'>

/** Two models of one name are told apart by their configs. */
const told = (model: string, config: string, other: string | undefined) =>
  model === other ? `${model} of ${config}` : model

export const modelName = ({ model, name, beside }: Served): string => told(model, name, beside?.model)

export const besideName = ({ model, beside }: Served): string =>
  beside ? told(beside.model, beside.name, model) : 'another model'
