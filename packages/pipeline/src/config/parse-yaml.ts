import { CORE_SCHEMA, loadAll, mergeTag } from 'js-yaml'
import { MAX_DEPTH } from './check-values.js'

const SCHEMA = CORE_SCHEMA.withTags(mergeTag)

/** More than any config needs; a few aliases of aliases can stand for billions of values, and long chains of merges take minutes. */
const MAX_ALIASES = 1000
const MAX_MERGED_KEYS = 10_000

/**
 * The value of a YAML text (1.2, with `<<` merge keys); undefined where it says nothing.
 *
 * @param name of the file, for messages
 * @throws what the parser says, with line and column; also of texts made to take long: nested too deep, too many aliases or merged keys.
 */
export function parseYaml(text: string, name?: string): unknown {
  const documents = loadAll(text, {
    schema: SCHEMA,
    maxDepth: MAX_DEPTH,
    maxAliases: MAX_ALIASES,
    maxTotalMergeKeys: MAX_MERGED_KEYS,
    ...(name !== undefined && { filename: name }),
  })
  if (documents.length > 1) throw new Error(`it holds ${documents.length} documents, and a config is one`)
  return documents[0]
}
