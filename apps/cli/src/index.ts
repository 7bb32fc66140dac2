import { htmlReporter } from './report/html-reporter.js'
import { jsonReporter } from './report/json-reporter.js'

export default [jsonReporter, htmlReporter]

export { htmlReporter, jsonReporter }
export { run } from './run.js'
