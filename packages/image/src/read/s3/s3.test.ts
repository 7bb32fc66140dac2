import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startS3Server } from '../../../../../tests/helpers/s3-server.js'
import { encodePng } from '../../decode/encode-image.js'
import { findImages, idsOfListing } from '../../gallery/images-to-index.js'
import { confineSource } from '../confine-source.js'
import { readSource } from '../read-source.js'
import { parseS3Address } from './s3-address.js'
import { openS3 } from './s3-client.js'

const SECRET = 'S3RVER-secret-of-this-test'
const BUCKET = 'shop'
let server: Awaited<ReturnType<typeof startS3Server>> | undefined
const png = await encodePng({ data: new Uint8Array(48).fill(90), width: 4, height: 4 })

beforeAll(async () => {
  server = await startS3Server(BUCKET)
  vi.stubEnv('AWS_ENDPOINT_URL_S3', server.url)
  vi.stubEnv('AWS_REGION', 'eu-west-1')
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'S3RVER')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'S3RVER')
  vi.stubEnv('AWS_MAX_ATTEMPTS', '1')
  vi.stubEnv('AWS_REQUEST_CHECKSUM_CALCULATION', 'WHEN_REQUIRED')
  const { sdk, client } = await openS3()
  for (const key of [
    'photos/cat/1.png',
    'photos/cat/2 #?%41é.png',
    'photos/notes.txt',
    'photos/dog/3.png',
    'photos-of-others/4.png',
  ])
    await client.send(new sdk.PutObjectCommand({ Bucket: BUCKET, Key: key, Body: png }))
}, 60_000)
afterAll(async () => {
  vi.unstubAllEnvs()
  await server?.close()
})

describe('images in S3', () => {
  it('are listed by a prefix, with ids that are the same from everywhere', async () => {
    const { images, leftOut } = await findImages(`s3://${BUCKET}/photos/`)
    expect(images).toEqual([
      { source: 's3://shop/photos/cat/1.png', folderName: 'cat' },
      { source: 's3://shop/photos/cat/2 #?%41é.png', folderName: 'cat' },
      { source: 's3://shop/photos/dog/3.png', folderName: 'dog' },
    ])
    expect(leftOut).toEqual([{ kind: 'other', path: 's3://shop/photos/notes.txt' }])
    expect(await idsOfListing(images, '/anywhere')).toEqual(images.map(({ source }) => source))
  })

  it('are read, also by names that an address would escape', async () => {
    for (const key of ['photos/cat/1.png', 'photos/cat/2 #?%41é.png'])
      expect(Buffer.from((await readSource(`s3://${BUCKET}/${key}`)) as Uint8Array).equals(png)).toBe(true)
    await expect(readSource(`s3://${BUCKET}/photos/cat/1.png`, { maxBytes: 10 })).rejects.toMatchObject({
      code: 'image/too-many-bytes',
    })
    const stopped = readSource(`s3://${BUCKET}/photos/cat/1.png`, { signal: AbortSignal.abort(new Error('enough')) })
    await expect(stopped).rejects.toThrow('enough')
  })

  it('that are not there are named', async () => {
    await expect(readSource(`s3://${BUCKET}/photos/none.png`)).rejects.toMatchObject({
      code: 'image/not-found',
      message: expect.stringContaining('s3://shop/photos/none.png') as string,
    })
    await expect(findImages('s3://no-such-bucket/photos/')).rejects.toMatchObject({ code: 'image/not-found' })
    await expect(findImages(`s3://${BUCKET}/nothing/`)).rejects.toMatchObject({ code: 'index/no-images' })
  })

  it('may be named by data only where the config says so', () => {
    const named = `s3://${BUCKET}/photos/cat/1.png`
    const confine = (...paths: string[]) => confineSource(named, { root: '/data', paths })
    for (const allowed of [`s3://${BUCKET}`, `s3://${BUCKET}/photos`, `s3://${BUCKET}/photos/`, named])
      expect(confine('/elsewhere', allowed)).toBe(named)
    for (const other of ['/data', `s3://${BUCKET}/photo`, `s3://${BUCKET}/photos/dog`, 's3://shop-of-others'])
      expect(() => confine(other)).toThrow(expect.objectContaining({ code: 'image/not-allowed' }))
  })
})

it.each(['s3://', 's3:///key', 's3:shop/key', 's3://me:secret@shop/key', 's3://a/key'])(
  '%s names no bucket',
  (text) => {
    expect(() => parseS3Address(text)).toThrow(
      expect.objectContaining({ code: 'image/bad-url', message: expect.not.stringContaining('secret') as string }),
    )
  },
)

/* What a store answers that knows nothing of us, or that is not there. */
describe('a store that refuses', () => {
  let refusing: Server
  let address = ''
  let status = 403
  let body = ''
  beforeAll(async () => {
    refusing = createServer((_, response) => {
      response.writeHead(status, { 'content-type': 'application/xml' })
      response.end(body)
    }).listen(0, '127.0.0.1')
    await once(refusing, 'listening')
    address = `http://127.0.0.1:${(refusing.address() as AddressInfo).port}`
  })
  afterAll(() => refusing.close())

  const error = (code: string, text = '') =>
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${text}</Message></Error>`
  async function fails(): Promise<Error & { code: string }> {
    vi.resetModules()
    vi.stubEnv('AWS_ENDPOINT_URL_S3', address)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', SECRET)
    const { readSource: read } = await import('../read-source.js')
    const failure = await read('s3://shop/a.png').then(
      () => undefined,
      (reason: Error & { code: string }) => reason,
    )
    // Neither in the text, nor in what comes with it.
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure)) + String(failure?.stack)).not.toMatch(
      new RegExp(`${SECRET}|Signature=|Credential=`),
    )
    return failure!
  }

  it.each([
    [403, 'SignatureDoesNotMatch', 'image/not-allowed'],
    [403, 'InvalidAccessKeyId', 'image/not-allowed'],
    [404, 'NoSuchKey', 'image/not-found'],
    [400, 'InvalidRequest', 'image/http'],
    [503, 'SlowDown', 'image/network'],
  ])('%i %s', async (with_, name, code) => {
    status = with_
    body = error(name, `The key ${SECRET} Signature=abc`)
    expect(await fails()).toMatchObject({ code })
  })

  it('or lists in pages, with keys escaped', async () => {
    const page = (key: string, more: string) =>
      `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${more !== ''}</IsTruncated>${more}<Contents><Key>${key}</Key></Contents></ListBucketResult>`
    status = 200
    body = page('a/x+%26+y%0A.png', '<NextContinuationToken>t</NextContinuationToken>')
    vi.resetModules()
    vi.stubEnv('AWS_ENDPOINT_URL_S3', address)
    const { listS3 } = await import('./list-s3.js')
    const listed: string[] = []
    for await (const source of listS3('s3://shop/a/')) {
      listed.push(source)
      body = page('a/z.png', '')
    }
    expect(listed).toEqual(['s3://shop/a/x & y\n.png', 's3://shop/a/z.png'])
  })

  it('or is gone', async () => {
    refusing.close()
    refusing.closeAllConnections()
    expect((await fails()).code).toBe('image/network')
  })
})
