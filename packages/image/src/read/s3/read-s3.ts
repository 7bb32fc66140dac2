import { parseS3Address } from './s3-address.js'
import { openS3 } from './s3-client.js'
import { s3Error } from './s3-error.js'

/** The body of an object, in parts, with what its length is said to be. */
export interface S3Object {
  readonly length: number | undefined
  readonly body: AsyncIterable<Uint8Array> & { destroy(): void }
}

/** @throws `s3/client-missing`, `image/bad-url`, `image/not-found`, `image/not-allowed`, `image/http`, `image/network`; the signal's reason */
export async function openS3Object(source: string, signal: AbortSignal): Promise<S3Object> {
  const { bucket, key } = parseS3Address(source)
  const { sdk, client } = await openS3()
  try {
    const answer = await client.send(new sdk.GetObjectCommand({ Bucket: bucket, Key: key }), { abortSignal: signal })
    return { length: answer.ContentLength, body: answer.Body as unknown as S3Object['body'] }
  } catch (error) {
    signal.throwIfAborted()
    throw s3Error(error, source)
  }
}
