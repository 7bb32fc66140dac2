import type { S3Client } from '@aws-sdk/client-s3'
import { LookalikeError } from '@lookalike/core'

type Sdk = typeof import('@aws-sdk/client-s3')

export interface S3 {
  readonly sdk: Sdk
  readonly client: S3Client
}

let opened: Promise<S3> | undefined

/**
 * The client of this process, made when it is first needed. Region, credentials and endpoint are what the AWS tools know: environment variables
 * (`AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL_S3`), profiles, roles.
 *
 * @throws `s3/client-missing`
 */
export function openS3(): Promise<S3> {
  opened ??= load()
  opened.catch(() => (opened = undefined))
  return opened
}

async function load(): Promise<S3> {
  let sdk: Sdk
  try {
    sdk = await import('@aws-sdk/client-s3')
  } catch (cause) {
    throw new LookalikeError(
      's3/client-missing',
      {
        problem: 'Images in S3 need the package @aws-sdk/client-s3',
        fix: 'Install it: npm install @aws-sdk/client-s3',
      },
      { cause },
    )
  }
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL } = process.env
  // Other servers than Amazon's seldom have a host name a bucket.
  const forcePathStyle = Boolean(AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL)
  return { sdk, client: new sdk.S3Client({ forcePathStyle, followRegionRedirects: true }) }
}
