import { expect, it } from 'vitest'
import { COMMANDS, loadCommand } from '../commands/index.js'
import { overview } from '../overview.js'
import { renderHelp } from './render-help.js'

it.each(COMMANDS)('%s has help with every option and examples', async (name) => {
  const command = await loadCommand(name)
  expect(command.name).toBe(name)
  const help = renderHelp(command)
  expect(help).toContain(`lookalike ${name}`)
  for (const [option, { type, description }] of Object.entries(command.args)) {
    if (type !== 'positional') expect(help).toContain(`--${option}`)
    expect(help).toContain(description)
  }
  expect(command.examples.length).toBeGreaterThan(0)
  for (const [line] of command.examples) expect(help).toContain(line)
  expect(help).toContain('Exit codes: 0')
})

it('the overview lists every command', () => {
  const text = overview()
  for (const name of COMMANDS) expect(text).toContain(`  ${name}`)
})
