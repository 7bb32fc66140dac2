import * as z from 'zod'
import type { Kind, PluginRef } from './kinds.js'
import { namesPlugin, parseReference, type Reference } from './reference.js'

/**
 * The schema of an option that names another plugin: `'mini'` or `{ use: 'onnx', model: './model.onnx' }`, parsed to a reference for
 * `context.create`. In the composed JSON Schema it points at the installed plugins of that kind. A default is given as the config would:
 * `pluginRef('sampler').prefault('balanced')`.
 */
export function pluginRef<K extends Kind>(kind: K): z.ZodType<Reference<K>, PluginRef<K>> {
  return z
    .unknown()
    .transform((given, context) => {
      if (namesPlugin<K>(given)) return parseReference(kind, given)
      context.addIssue({ code: 'invalid_union', errors: [], input: given })
      return z.NEVER
    })
    .meta({ lookalikeKind: kind }) as unknown as z.ZodType<Reference<K>, PluginRef<K>>
}
