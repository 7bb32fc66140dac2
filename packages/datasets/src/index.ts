import { csv } from './csv/csv.js'
import { emoji } from './emoji/emoji.js'
import { folder } from './folder/folder.js'
import { cars196 } from './public/cars-196.js'
import { cub2002011 } from './public/cub-200-2011.js'
import { inShop } from './public/in-shop.js'
import { stanfordOnlineProducts } from './public/stanford-online-products.js'
import { triples } from './triples/triples.js'

export default [folder, csv, triples, emoji, cub2002011, cars196, stanfordOnlineProducts, inShop]

export { cars196, csv, cub2002011, emoji, folder, inShop, stanfordOnlineProducts, triples }
export type { LoadContext } from './load-context.js'
export { finishDataset, type MissingImages } from './check/finish-dataset.js'
export type { CsvOptions } from './csv/csv-options.js'
export { loadCsv } from './csv/load-csv.js'
export { EMOJI_COUNTS, type EmojiOptions, loadEmoji } from './emoji/load-emoji.js'
export { EMOJI_STYLES, type EmojiStyle, LINE_ART_STYLES } from './emoji/emoji-sets.js'
export { type FolderOptions, loadFolder } from './folder/load-folder.js'
export { splitClasses, type SplitClassesOptions } from './splits/split-classes.js'
export { splitLabels, type SplitShares } from './splits/split-labels.js'
export { expandAnnotation, type Annotation, type AnnotationTriple } from './triples/expand-annotation.js'
export { loadTriples, type TriplesOptions } from './triples/load-triples.js'
