import { pathToFileURL } from 'node:url'
import { isLookalikeError } from '@lookalike/core'

const [file, folder, from, to] = process.argv.slice(2)
const { open } = await import(pathToFileURL(file).href)
const { attempt, close } = await open(folder)
for (let i = Number(from); i < Number(to); i++) {
  const result = await attempt(i).then(
    () => ({ outcome: 'survived' }),
    (error) =>
      isLookalikeError(error)
        ? { outcome: 'named', what: error.code }
        : { outcome: 'silent', what: String(error?.stack ?? error).slice(0, 500) },
  )
  // Where the next mutant ends the process, this one must have been told.
  await new Promise((resolve) => process.send({ i, ...result }, resolve))
}
await close?.()
process.disconnect()
