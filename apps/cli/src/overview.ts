import { COMMANDS, descriptionOf } from './commands/index.js'
import { renderOverview } from './terminal/render-help.js'
import { VERSION } from './version.js'

/** The list of commands. */
export function overview(): string {
  return renderOverview(
    COMMANDS.map((name) => ({ name, description: descriptionOf(name) })),
    VERSION,
  )
}
