export { createPluginPackage, type PluginPackage, type PluginPackageOptions } from './create-plugin-package.js'
export { KIND_TEMPLATES, TEMPLATE_KINDS, type KindTemplate, type TemplateKind } from './kinds.js'
export type { Names } from './names.js'
export { Problem } from './problem.js'
