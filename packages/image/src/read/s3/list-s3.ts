import { fileKind } from '../image-files.js'
import type { LeftOut } from '../list-images.js'
import { formatS3Address, parseS3Address } from './s3-address.js'
import { openS3 } from './s3-client.js'
import { s3Error } from './s3-error.js'

export interface ListS3Options {
  readonly signal?: AbortSignal | undefined
  readonly onLeftOut?: ((leftOut: LeftOut) => void) | undefined
}

/**
 * The images of a bucket whose keys begin with a prefix, by their names, in the order of their keys (bytes of UTF-8): addresses that are ids too. What is no
 * image by its name is left out, and so are keys that stand for folders.
 *
 * @param source `s3://bucket/prefix`, or the address of one object
 * @throws `s3/client-missing`, `image/bad-url`, `image/not-found` for a bucket that does not exist, `image/not-allowed`, `image/network`
 */
export async function* listS3(source: string, { signal, onLeftOut }: ListS3Options = {}): AsyncGenerator<string> {
  const { bucket, key: prefix } = parseS3Address(source)
  const { sdk, client } = await openS3()
  for (let token: string | undefined, more = true; more; ) {
    signal?.throwIfAborted()
    const page = await client
      .send(
        // Keys may hold what XML cannot.
        new sdk.ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token, EncodingType: 'url' }),
        signal ? { abortSignal: signal } : {},
      )
      .catch((error: unknown) => {
        signal?.throwIfAborted()
        throw s3Error(error, source)
      })
    for (const { Key = '' } of page.Contents ?? []) {
      const key = page.EncodingType === 'url' ? decodeURIComponent(Key.replaceAll('+', ' ')) : Key
      if (key.endsWith('/')) continue
      const kind = fileKind(key.slice(key.lastIndexOf('/') + 1))
      if (kind === 'image') yield formatS3Address({ bucket, key })
      else onLeftOut?.({ kind, path: formatS3Address({ bucket, key }) })
    }
    token = page.NextContinuationToken
    more = page.IsTruncated === true && token !== undefined
  }
}
