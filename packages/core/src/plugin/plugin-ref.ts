import { z } from 'zod'
import type { Kind, PluginRef } from './kinds.js'

/**
 * The schema of an option that names another plugin: `'mini'` or `{ use: 'onnx', model: './model.onnx' }`.
 * In the composed JSON Schema it points at the installed plugins of that kind.
 */
export function pluginRef<K extends Kind>(kind: K): z.ZodType<PluginRef<K>, PluginRef<K>> {
  return z
    .union([z.string().min(1), z.looseObject({ use: z.string().min(1) })])
    .meta({ lookalikeKind: kind }) as unknown as z.ZodType<PluginRef<K>, PluginRef<K>>
}
