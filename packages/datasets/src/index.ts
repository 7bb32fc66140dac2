import { coco } from './coco/coco.js'
import { emoji } from './emoji/emoji.js'
import { emojiTriples } from './emoji-triples/emoji-triples.js'
import { folder } from './folder/folder.js'
import { cars196 } from './public/cars-196.js'
import { cub2002011 } from './public/cub-200-2011.js'
import { inShop } from './public/in-shop.js'
import { stanfordOnlineProducts } from './public/stanford-online-products.js'
import { csv } from './table/csv.js'
import { jsonl } from './table/jsonl.js'
import { parquet } from './table/parquet.js'
import { triples } from './triples/triples.js'
import { webdataset } from './webdataset/webdataset.js'

export default [
  folder,
  csv,
  jsonl,
  parquet,
  coco,
  webdataset,
  triples,
  emoji,
  emojiTriples,
  cub2002011,
  cars196,
  stanfordOnlineProducts,
  inShop,
]

export { finishDataset, type MissingImages } from './check/finish-dataset.js'
export { EMOJI_STYLES, type EmojiStyle, LINE_ART_STYLES } from './emoji/emoji-sets.js'
export { EMOJI_COUNTS, type EmojiOptions, loadEmoji } from './emoji/load-emoji.js'
export { type AnnotatorAgreement, annotatorAgreement } from './emoji-triples/annotator-agreement.js'
export { type EmojiTriplesOptions, loadEmojiTriples } from './emoji-triples/load-emoji-triples.js'
export { type FolderOptions, loadFolder } from './folder/load-folder.js'
export type { LoadContext } from './load-context.js'
export { type SplitClassesOptions, splitClasses } from './splits/split-classes.js'
export { type SplitShares, splitLabels } from './splits/split-labels.js'
export { loadCsv, loadJsonLines, loadParquet } from './table/load-table.js'
export type { CsvOptions, JsonLinesOptions, ParquetOptions } from './table/table-options.js'
export { type Annotation, type AnnotationTriple, expandAnnotation } from './triples/expand-annotation.js'
export { loadTriples, type TriplesOptions } from './triples/load-triples.js'
export {
  cars196,
  coco,
  csv,
  cub2002011,
  emoji,
  emojiTriples,
  folder,
  inShop,
  jsonl,
  parquet,
  stanfordOnlineProducts,
  triples,
  webdataset,
}
