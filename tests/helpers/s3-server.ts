import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'

interface Server {
  run(): Promise<AddressInfo>
  close(): Promise<void>
}

/** A store on this machine that speaks S3, with one bucket; access key and secret are `S3RVER`. */
export async function startS3Server(bucket: string): Promise<{ readonly url: string; close(): Promise<void> }> {
  // @ts-ignore It comes without types.
  const { default: S3rver } = (await import('@20minutes/s3rver')) as unknown as {
    default: new (options: object) => Server
  }
  const directory = await mkdtemp(path.join(tmpdir(), 'lookalike-s3-'))
  const server = new S3rver({
    port: 0,
    address: '127.0.0.1',
    silent: true,
    // It signs listings of prefixes with a slash in another way.
    allowMismatchedSignatures: true,
    directory,
    configureBuckets: [{ name: bucket }],
  })
  const { port } = await server.run()
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      await server.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
