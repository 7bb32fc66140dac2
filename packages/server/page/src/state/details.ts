import { signal } from '@preact/signals'
import type { Item } from '../api.js'
import type { Example } from './query.js'

/** What the window above the page shows: an image of the gallery, or a part of an example that is drawn. */
export const details = signal<{ readonly item: Item } | { readonly example: Example } | undefined>(undefined)
