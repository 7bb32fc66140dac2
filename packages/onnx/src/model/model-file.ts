import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, isAbsolute, relative, resolve } from 'node:path'
import { isLookalikeError, LookalikeError } from '@lookalike/core'
import type { ReadExternal } from './decode-tensor.js'
import type { OnnxModel } from './model.js'
import { readModel } from './read-model.js'
import { writeModel } from './write-model.js'

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
  const bytes = writeModel(model)
  const unfinished = `${path}.${process.pid}.tmp`
  try {
    const file = await open(unfinished, 'w')
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(unfinished, path)
  } catch (cause) {
    await rm(unfinished, { force: true })
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
      { fields: { path, bytes: bytes.length }, cause },
    )
  }
}

function externalReader(path: string): ReadExternal {
  const folder = dirname(resolve(path))
  return ({ location, offset, length }) => {
    const file = resolve(folder, location)
    const inside = relative(folder, file)
    // A model must not be able to read files elsewhere on the machine.
    if (!location || inside.startsWith('..') || isAbsolute(inside))
      throw external(`outside the model's folder`, location)
    try {
      return readPart(file, offset, length, () => external('that is shorter than the model says', location))
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

function readPart(file: string, offset: number, length: number | undefined, short: () => Error): Uint8Array {
  const handle = openSync(file, 'r')
  try {
    const size = length ?? fstatSync(handle).size - offset
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
