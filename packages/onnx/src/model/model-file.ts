import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, isAbsolute, relative, resolve } from 'node:path'
import { isLookalikeError, LookalikeError } from '@lookalike/core'
import type { ReadExternal } from './decode-tensor.js'
import { LARGE } from './lazy-tensor.js'
import type { OnnxModel } from './model.js'
import { readModel } from './read-model.js'
import { fitting, modelParts } from './write-model.js'

/**
 * Reads a model from its file, with weights that lie in files beside it.
 *
 * @throws `onnx/file` when the file cannot be read, and what {@link readModel} throws.
 */
export async function loadModel(path: string): Promise<OnnxModel> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    const what =
      cause.code === 'ENOENT'
        ? 'does not exist'
        : cause.code === 'EISDIR'
          ? 'is a folder'
          : `cannot be read (${cause.code})`
    throw new LookalikeError(
      'onnx/file',
      { problem: `The model ${path} ${what}`, expected: 'the path of an .onnx file' },
      { fields: { path }, cause },
    )
  })
  return readModel(bytes, { source: path, readExternal: externalReader(path) })
}

/** Writes a model whole or not at all: to a file beside it first, which then takes its place. */
export async function saveModel(path: string, model: OnnxModel): Promise<void> {
  const parts = fitting(modelParts(model))
  let bytes = 0
  const unfinished = `${path}.${process.pid}.tmp`
  try {
    const file = await open(unfinished, 'w')
    try {
      for (const part of parts) {
        await file.writeFile(part)
        bytes += part.length
      }
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(unfinished, path)
  } catch (cause) {
    await rm(unfinished, { force: true })
    if (isLookalikeError(cause)) throw cause
    const code = (cause as NodeJS.ErrnoException).code
    throw new LookalikeError(
      'onnx/write',
      {
        problem: `The model could not be written to ${path} (${code})`,
        fix:
          code === 'ENOSPC'
            ? 'Free space on the disk and try again.'
            : 'Check that the folder exists and may be written to.',
      },
      { fields: { path, bytes }, cause },
    )
  }
}

function externalReader(path: string): ReadExternal {
  const folder = dirname(resolve(path))
  return ({ location, offset, length }) => {
    const named = resolve(folder, location)
    const inside = relative(folder, named)
    // A model must not be able to read files elsewhere on the machine.
    if (!location || inside.startsWith('..') || isAbsolute(inside))
      throw external(`outside the model's folder`, location)
    // Exporters call the file one thing and hubs another.
    const file = [named, `${resolve(path)}_data`, `${resolve(path)}.data`].find((name) => existsSync(name)) ?? named
    try {
      const short = () => external('that is shorter than the model says', location)
      const whole = statSync(file).size
      const size = length ?? whole - offset
      if (offset + size > whole) throw short()
      const read = () => readPart(file, offset, size, short)
      const part = { folder, location: relative(folder, file), offset, length: size }
      return size < LARGE ? read() : { part, read }
    } catch (cause) {
      throw isLookalikeError(cause) ? cause : external('that cannot be read', location, cause)
    }
  }
  function external(what: string, location: string, cause?: unknown) {
    return new LookalikeError(
      'onnx/external-data',
      {
        problem: `The model ${path} keeps weights in a file ${what}: ${location || '(no name)'}`,
        fix: 'Put the file that came with the model beside it, under its own name.',
      },
      { fields: { path, location }, cause },
    )
  }
}

function readPart(file: string, offset: number, size: number, short: () => Error): Uint8Array {
  const handle = openSync(file, 'r')
  try {
    const bytes = new Uint8Array(Math.max(0, size))
    let read = 0
    while (read < size) {
      const count = readSync(handle, bytes, read, Math.min(size - read, 2 ** 30), offset + read)
      if (count === 0) throw short()
      read += count
    }
    return bytes
  } finally {
    closeSync(handle)
  }
}
