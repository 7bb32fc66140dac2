import type { Item } from './api.js'

/** What an image is called: the end of its id. */
export const nameOf = (id: string): string => id.replace(/\/+$/, '').split('/').at(-1) || id

/** Its class, where the metadata has one. */
export function classOf({ metadata }: Pick<Item, 'metadata'>): string | undefined {
  const found = metadata.label ?? metadata.class ?? metadata.category
  return found === undefined ? undefined : String(found)
}

export const titleOf = (item: Pick<Item, 'id' | 'metadata'>): string => classOf(item) ?? nameOf(item.id)

export const distanceText = (distance: number): string => distance.toFixed(3)

export const number = (value: number): string => value.toLocaleString('en')

export const images = (count: number): string => (count === 1 ? '1 image' : `${number(count)} images`)
