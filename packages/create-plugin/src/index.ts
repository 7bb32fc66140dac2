export { createPluginPackage, type PluginPackage, type PluginPackageOptions } from './create-plugin-package.js'
export { KIND_TEMPLATES, type KindTemplate, TEMPLATE_KINDS, type TemplateKind } from './kinds.js'
export type { Names } from './names.js'
export { Problem } from './problem.js'
