import type { Kind, PluginOptions } from '@lookalike/core'
import type { UserConfig } from './config.js'

/**
 * Gives a config file its types; returns the config as it is. A key that the config does not have, or an option that a known plugin does not have,
 * is a type error, however deep it stands. Plugins that no imported package declares take any option; those are checked when the config is read.
 *
 * @example
 * export default defineConfig({ train: { use: 'metric-learning', loss: { use: 'proxy-anchor', alpha: 32 } } })
 */
export function defineConfig<const C extends UserConfig>(
  config: C & (UserConfig extends C ? C : CheckedKeys<C, UserConfig>),
): UserConfig {
  return config
}

/**
 * A given value with `never` at each key that is not expected there. Needed beside the constraint: the options of other plugins are open, so that an
 * object with a misspelt option would pass as one of them.
 *
 * @typeParam Given the literal type
 * @typeParam Expected what may stand here, or `unknown`
 */
type Checked<Given, Expected> = [Given] extends [readonly unknown[]]
  ? { [I in keyof Given]: Checked<Given[I], ItemOf<Expected>> }
  : [Given] extends [{ readonly use: infer Name extends string }]
    ? CheckedKeys<Given, OptionsOf<Name, Expected>>
    : [Given] extends [object]
      ? CheckedKeys<Given, Expected>
      : Given

type CheckedKeys<Given, Expected> = {
  [Key in keyof Given]: IsOpen<Expected> extends true
    ? Checked<Given[Key], unknown>
    : Key extends KeyOf<Expected>
      ? Checked<Given[Key], ValueOf<Expected, Key>>
      : never
}

/**
 * The options of the plugin of a name: of the kind that is expected here, else of every kind that has one of that name. `unknown` for names that
 * nobody declares, and for those that are known at run time only.
 */
type OptionsOf<Name extends string, Expected> = string extends Name
  ? unknown
  : [Extract<Expected, { readonly use: Name }>] extends [never]
    ? OptionsOfAnyKind<Name>
    : Extract<Expected, { readonly use: Name }>

type OptionsOfAnyKind<Name extends string> =
  Name extends KeyOf<PluginOptions[Kind]>
    ? { [K in Kind]: Name extends keyof PluginOptions[K] ? { use: Name } & PluginOptions[K][Name] : never }[Kind]
    : unknown

/** Whether any key may stand here. */
type IsOpen<Expected> = unknown extends Expected ? true : string extends KeyOf<Expected> ? true : false

/** The keys of all objects that a union has. */
type KeyOf<Union> = Union extends readonly unknown[] ? never : Union extends object ? keyof Union : never

type ValueOf<Union, Key> = Union extends readonly unknown[]
  ? never
  : Union extends object
    ? Key extends keyof Union
      ? Union[Key]
      : never
    : never

type ItemOf<Union> = unknown extends Union ? unknown : Union extends readonly (infer Item)[] ? Item : never
