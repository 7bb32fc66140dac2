// Preloaded by NODE_OPTIONS: writes the address of every module that a process and its children load to the file LIST_MODULES, one a line.

import { appendFileSync } from 'node:fs'
import Module, { register } from 'node:module'

const file = process.env.LIST_MODULES
const hook = `
import { appendFileSync } from 'node:fs'
export async function load(url, context, next) {
  appendFileSync(${JSON.stringify(file)}, url + '\\n')
  return next(url, context)
}`
register(`data:text/javascript,${encodeURIComponent(hook)}`)
const { '.js': load } = Module._extensions
Module._extensions['.js'] = (module, name) => {
  appendFileSync(file, `${name}\n`)
  return load(module, name)
}
