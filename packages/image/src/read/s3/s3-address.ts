import { LookalikeError } from '@lookalike/core'
import { describeSource } from '../describe-source.js'

/** An object, or what a listing begins with. */
export interface S3Address {
  readonly bucket: string
  /** As it is in the store: nothing in it is escaped. */
  readonly key: string
}

export const isS3 = (source: string): boolean => /^s3:/i.test(source)

/**
 * What `s3://bucket/some/key.jpg` says. Keys stand in it as they are, also with `?`, `#` and `%`.
 *
 * @throws `image/bad-url`
 */
export function parseS3Address(text: string): S3Address {
  const [, bucket, key = ''] = /^s3:\/\/([a-z0-9][a-z0-9._-]{1,62})(?:\/(.*))?$/is.exec(text) ?? []
  if (bucket !== undefined) return { bucket, key }
  const shown = describeSource(text)
  throw new LookalikeError(
    'image/bad-url',
    {
      problem: `The image address ${shown} names no bucket`,
      expected: 's3://bucket/key; credentials come from the environment or a profile',
    },
    { fields: { source: shown } },
  )
}

export const formatS3Address = ({ bucket, key }: S3Address): string => `s3://${bucket}/${key}`
