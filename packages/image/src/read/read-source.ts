import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { fileURLToPath } from 'node:url'
import { type ImageSource, isLookalikeError, LookalikeError, type RawImage } from '@lookalike/core'
import { DECODE_DEFAULTS, type DecodeOptions } from '../decode/decode-options.js'
import { describeSource } from './describe-source.js'
import { openS3Object } from './s3/read-s3.js'
import { isS3 } from './s3/s3-address.js'
import { requestUrl } from './url/request-url.js'

/**
 * The bytes behind a source; raw pixels as they are.
 *
 * @throws `image/not-found`, `image/is-directory`, `image/not-a-file`, `image/unreadable`, `image/empty`,
 * `image/too-many-bytes`, `image/bad-url`, `image/not-allowed`, `image/http`, `image/network`, `image/timeout`, `image/raw-shape`
 */
export async function readSource(source: ImageSource, options: DecodeOptions = {}): Promise<Uint8Array | RawImage> {
  options.signal?.throwIfAborted()
  if (!isSource(source)) throw noSource(source)
  const name = describeSource(source)
  if (source instanceof Uint8Array) return checkSize(source, name, options)
  if (typeof source === 'object' && !(source instanceof URL)) return checkRaw(source)
  // A single letter before the colon is a Windows drive.
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(String(source))?.[1]?.toLowerCase()
  switch (scheme) {
    case 'http':
    case 'https':
      return checkSize(await download(String(source), name, options), name, options)
    case 'data':
      return checkSize(decodeDataUrl(String(source), name, options), name, options)
    case 's3':
      return checkSize(await download(String(source), name, options), name, options)
    case 'file':
      return readFile(pathOf(source, name), name, options)
    default:
      if (source instanceof URL || (scheme && String(source).startsWith(`${scheme}://`)))
        throw badUrl(name, `has the scheme ${scheme}`)
      return readFile(source, name, options)
  }
}

const isSource = (source: unknown) => (typeof source === 'object' && source !== null) || typeof source === 'string'

const noSource = (source: unknown) =>
  new LookalikeError('image/source', {
    problem: `The source of an image is ${source === null ? 'null' : typeof source}`,
    expected: 'a path, an address, bytes, or raw pixels { data, width, height }',
  })

function checkRaw(image: RawImage): RawImage {
  const { data, width, height } = image
  const whole = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0
  const kind = Object.prototype.toString.call(data).slice(8, -1)
  if (!/^Uint8(Clamped)?Array$/.test(kind)) {
    throw new LookalikeError(
      'image/raw-shape',
      { problem: `Raw pixels came as ${kind}`, expected: 'a Uint8Array or Uint8ClampedArray of values from 0 to 255' },
      { fields: { width, height, given: kind } },
    )
  }
  if (whole && data?.length === width * height * 3) return image
  throw new LookalikeError(
    'image/raw-shape',
    {
      problem: `Raw pixels of ${width} x ${height} came with ${data?.length} values`,
      expected: whole
        ? `${width * height * 3} values, RGB in row-major order`
        : 'a width and height of at least one pixel',
    },
    { fields: { width, height, length: data?.length } },
  )
}

function checkSize(bytes: Uint8Array, name: string, options: DecodeOptions): Uint8Array {
  if (bytes.byteLength === 0) {
    throw new LookalikeError(
      'image/empty',
      { problem: `${name} holds no bytes`, expected: 'an image file', fix: 'Copy or download it again.' },
      { fields: { source: name } },
    )
  }
  if (bytes.byteLength > maxBytesOf(options)) throw tooManyBytes(name, bytes.byteLength, options)
  return bytes
}

const maxBytesOf = (options: DecodeOptions) => options.maxBytes ?? DECODE_DEFAULTS.maxBytes

function tooManyBytes(name: string, bytes: number, options: DecodeOptions): LookalikeError {
  const maxBytes = maxBytesOf(options)
  return new LookalikeError(
    'image/too-many-bytes',
    {
      problem: `${name} has ${bytes.toLocaleString('en')} bytes or more`,
      expected: `at most ${maxBytes.toLocaleString('en')}`,
      fix: 'Raise maxBytes if the image is meant to be that large.',
    },
    { fields: { source: name, bytes, maxBytes } },
  )
}

async function readFile(path: string, name: string, options: DecodeOptions): Promise<Uint8Array> {
  try {
    // Opening a pipe would otherwise wait for a writer. Windows has no such flag.
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    try {
      const stat = await file.stat()
      if (!stat.isFile()) throw notAFile(name, stat.isDirectory())
      if (stat.size > maxBytesOf(options)) throw tooManyBytes(name, stat.size, options)
      return checkSize(await file.readFile(options.signal ? { signal: options.signal } : {}), name, options)
    } finally {
      await file.close()
    }
  } catch (error) {
    options.signal?.throwIfAborted()
    throw fileError(error, name)
  }
}

function notAFile(name: string, isDirectory: boolean): LookalikeError {
  return isDirectory
    ? new LookalikeError(
        'image/is-directory',
        {
          problem: `${name} is a folder`,
          expected: 'an image file',
          fix: 'Name a file in it, or use a dataset to load the whole folder.',
        },
        { fields: { source: name } },
      )
    : new LookalikeError(
        'image/not-a-file',
        { problem: `${name} is a device, socket or pipe`, expected: 'an image file' },
        { fields: { source: name } },
      )
}

function fileError(error: unknown, name: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  if (error instanceof LookalikeError || code === undefined) return error
  const details = { fields: { source: name, errno: code }, cause: error }
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new LookalikeError(
        'image/not-found',
        {
          problem: name === '' ? 'The path of an image is empty' : `There is no file ${name}`,
          expected: 'the path of an image file',
          fix: `Relative paths start at ${process.cwd()}.`,
        },
        details,
      )
    case 'EISDIR':
      return notAFile(name, true)
    case 'ENXIO':
      return notAFile(name, false)
    default:
      return new LookalikeError(
        'image/unreadable',
        {
          problem: `${name} cannot be read (${code})`,
          expected: 'a file that this user may read',
          fix:
            code === 'EACCES' || code === 'EPERM'
              ? 'Check the permissions of the file and its folders.'
              : 'Check the file and its disk.',
        },
        details,
      )
  }
}

function badUrl(name: string, what: string, cause?: unknown): LookalikeError {
  return new LookalikeError(
    'image/bad-url',
    { problem: `The image address ${name} ${what}`, expected: 'a path, or an http, https, s3, file or data URL' },
    { fields: { source: name }, cause },
  )
}

function pathOf(source: string | URL, name: string): string {
  try {
    return fileURLToPath(source)
  } catch (cause) {
    throw badUrl(name, 'names no file on this machine', cause)
  }
}

function decodeDataUrl(url: string, name: string, options: DecodeOptions): Uint8Array {
  const comma = url.indexOf(',')
  if (comma < 0) throw badUrl(name, 'has no comma between its type and its data')
  const body = url.slice(comma + 1)
  if (body.length > maxBytesOf(options) * 3) throw tooManyBytes(name, Math.floor(body.length / 3), options)
  try {
    const base64 = /;\s*base64\s*$/i.test(url.slice(0, comma))
    const text = decodeURIComponent(body)
    if (!base64) return Buffer.from(text)
    if (!/^[\w+/\s-]*=*\s*$/.test(text)) throw new Error('not base64')
    return Buffer.from(text, 'base64')
  } catch (cause) {
    throw badUrl(name, 'holds data that are neither base64 nor percent-encoded', cause)
  }
}

async function download(url: string, name: string, options: DecodeOptions): Promise<Uint8Array> {
  const timeout = options.timeout ?? DECODE_DEFAULTS.timeout
  const deadline = AbortSignal.timeout(timeout)
  const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline
  try {
    if (isS3(url)) {
      const { length, body } = await openS3Object(url, signal)
      return await collect(body, length, name, options)
    }
    const response = await requestUrl(url, options.urls ?? DECODE_DEFAULTS.urls, signal)
    return await readBody(response, name, options)
  } catch (cause) {
    options.signal?.throwIfAborted()
    if (isLookalikeError(cause)) throw cause
    if (deadline.aborted) {
      throw new LookalikeError(
        'image/timeout',
        { problem: `${name} did not arrive within ${timeout} ms`, fix: 'Raise timeout, or check the connection.' },
        { fields: { source: name, timeout }, cause },
      )
    }
    const reason = cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code : String(cause)
    throw new LookalikeError(
      'image/network',
      { problem: `${name} could not be downloaded: ${reason}`, fix: 'Check the address and the connection.' },
      { fields: { source: name }, cause },
    )
  }
}

async function readBody(response: IncomingMessage, name: string, options: DecodeOptions): Promise<Uint8Array> {
  const { 'content-length': announced, 'content-encoding': coding } = response.headers
  if (coding !== undefined && coding !== 'identity') {
    response.destroy()
    throw new Error(`it came as ${coding}, which was not asked for`)
  }
  return collect(response as AsyncIterable<Uint8Array> & { destroy(): void }, Number(announced ?? 0), name, options)
}

/** Counts while reading: a server need not announce a length, nor keep to it. */
async function collect(
  body: AsyncIterable<Uint8Array> & { destroy(): void },
  announced: number | undefined,
  name: string,
  options: DecodeOptions,
): Promise<Uint8Array> {
  const maxBytes = maxBytesOf(options)
  try {
    if ((announced ?? 0) > maxBytes) throw tooManyBytes(name, announced!, options)
    const parts: Uint8Array[] = []
    let size = 0
    for await (const part of body) {
      size += part.byteLength
      if (size > maxBytes) throw tooManyBytes(name, size, options)
      parts.push(part)
    }
    return Buffer.concat(parts, size)
  } finally {
    body.destroy()
  }
}
