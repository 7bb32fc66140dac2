import { SPEC_VERSION } from '../contracts/spec.js'
import { LookalikeError } from '../errors.js'
import type { Plugin } from './define-plugin.js'
import { KINDS } from './kinds.js'
import { nearestName } from './nearest-name.js'
import { originText, type PluginOrigin } from './plugin-origin.js'

/**
 * Checks that a value is a plugin of this version of the contracts. Goes by its shape, so that plugins built on another
 * copy of this package work.
 *
 * @throws `plugin/invalid` naming what is wrong, `plugin/spec-version` naming both versions and the install command.
 */
export function checkPlugin(value: unknown, origin: PluginOrigin): Plugin {
  const from = originText(origin)
  const refuse = (problem: string, expected: string): never => {
    throw new LookalikeError(
      'plugin/invalid',
      {
        problem,
        expected,
        fix: 'See "Writing a plugin" in the documentation.',
      },
      { fields: { package: origin.package, version: origin.version, url: origin.url } },
    )
  }
  if (typeof value !== 'object' || value === null) {
    return refuse(
      `${from} exports ${value === undefined ? 'nothing by default' : describe(value)}`,
      'a plugin made with definePlugin, or an array of them',
    )
  }
  const plugin = value as Partial<Record<keyof Plugin, unknown>>
  const name = typeof plugin.name === 'string' && plugin.name !== '' ? plugin.name : undefined
  if (plugin.specVersion === undefined && plugin.kind === undefined) {
    return refuse(
      `${from} exports an object that is no plugin (keys: ${Object.keys(value).slice(0, 8).join(', ') || 'none'})`,
      'a plugin made with definePlugin, or an array of them',
    )
  }
  if (plugin.specVersion !== SPEC_VERSION) throw wrongVersion(String(plugin.specVersion), name, origin)
  if (name === undefined) return refuse(`A plugin of ${from} has no name`, 'a name in kebab-case')
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name))
    return refuse(`${from} calls a plugin "${name}"`, 'a name in kebab-case, such as my-loss')
  if (typeof plugin.kind !== 'string' || !(KINDS as readonly string[]).includes(plugin.kind)) {
    const near = nearestName(String(plugin.kind), KINDS)
    return refuse(
      `The plugin "${name}" of ${from} says it is of the kind "${String(plugin.kind)}"`,
      `one of ${KINDS.join(', ')}${near ? `; "${near}" is close` : ''}`,
    )
  }
  if (typeof plugin.create !== 'function')
    return refuse(`The ${plugin.kind} "${name}" of ${from} has no create function`, 'create(options, context)')
  const standard = (
    plugin.options as { '~standard'?: { validate?: unknown; jsonSchema?: { input?: unknown } } } | undefined
  )?.['~standard']
  if (typeof standard?.validate !== 'function' || typeof standard.jsonSchema?.input !== 'function') {
    return refuse(
      `The options of the ${plugin.kind} "${name}" of ${from} are no schema that validates and describes itself`,
      'a Standard Schema with JSON Schema, such as z.strictObject({}) of zod 4.2 or newer',
    )
  }
  return value as Plugin
}

function describe(value: unknown): string {
  return typeof value === 'function' ? 'a function by default' : `${JSON.stringify(value)} by default`
}

function wrongVersion(given: string, name: string | undefined, origin: PluginOrigin): LookalikeError {
  const [theirs, ours] = [given, SPEC_VERSION].map((version) => Number(/^v(\d+)$/.exec(version)?.[1]))
  // An older plugin wants an update; a newer one needs a newer core.
  const isNewer = theirs !== undefined && ours !== undefined && theirs > ours
  const update = isNewer ? '@lookalike/core' : origin.package
  // A file is in no registry.
  const isFile = !isNewer && origin.version === undefined
  const command = isFile ? undefined : `npm install ${update}@latest`
  return new LookalikeError(
    'plugin/spec-version',
    {
      problem: `The plugin ${name ? `"${name}" ` : ''}of ${originText(origin)} is built for plugin spec ${given}, and this is spec ${SPEC_VERSION}`,
      expected: `a plugin with specVersion "${SPEC_VERSION}"`,
      fix: command ? `Run: ${command}` : 'Write it for this spec.',
    },
    {
      fields: { package: origin.package, version: origin.version, plugin: name, given, wanted: SPEC_VERSION, command },
    },
  )
}
