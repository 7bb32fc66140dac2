import { isLookalikeError, LookalikeError } from '@lookalike/core'

/** Names under which the store refuses a key or its secret. */
const REFUSED =
  /^(AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|CredentialsProviderError|TokenProviderError|Forbidden)$/

/**
 * What went wrong, without the client's own error: that holds requests with their signatures.
 *
 * @param what the object or the listing
 */
export function s3Error(error: unknown, what: string): unknown {
  if (isLookalikeError(error)) return error
  const { name = '', message = '', $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } }
  const status = $metadata?.httpStatusCode
  const fields = { source: what, name, status }
  if (name === 'NoSuchKey' || name === 'NotFound' || name === 'NoSuchBucket' || status === 404)
    return new LookalikeError(
      'image/not-found',
      {
        problem: `There is no ${what}${name === 'NoSuchBucket' ? ': its bucket does not exist' : ''}`,
        expected: 'a bucket and the key of an image',
      },
      { fields },
    )
  if (REFUSED.test(name) || status === 401 || status === 403)
    return new LookalikeError(
      'image/not-allowed',
      {
        problem: `${what} was refused (${name})`,
        expected: 'credentials that may list and read it',
        fix: 'Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_REGION.',
      },
      { fields },
    )
  if (status !== undefined && status < 500)
    return new LookalikeError(
      'image/http',
      { problem: `${what} answered ${status} ${name}`, expected: 'an image' },
      { fields },
    )
  const reason = /^[\w .:,'-]{1,120}$/.test(message) ? message : name
  return new LookalikeError(
    'image/network',
    {
      problem: `${what} could not be read: ${reason}`,
      fix: 'Check AWS_ENDPOINT_URL_S3, AWS_REGION and the connection.',
    },
    { fields },
  )
}
