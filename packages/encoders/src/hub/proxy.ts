/** `fetch` through the proxy that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` name; the runtime's own where none is. */
export async function fetchByEnvironment(url: string, init: RequestInit): Promise<Response> {
  if (proxyFor(url) === undefined) return fetch(url, init)
  const { EnvHttpProxyAgent, fetch: fetchThrough } = await import('undici')
  const dispatcher = (agent ??= new EnvHttpProxyAgent())
  return (await fetchThrough(url, { ...(init as object), dispatcher })) as unknown as Response
}

/** One agent a process: it keeps connections. Its variables are read when the first proxy is needed. */
let agent: import('undici').EnvHttpProxyAgent | undefined

/** The proxy that an address would be asked through, without its password; undefined where it is asked directly. */
export function proxyFor(
  url: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const { protocol, hostname, port } = new URL(url)
  const read = (name: string) => env[name.toLowerCase()] || env[name] || undefined
  const proxy = protocol === 'https:' ? (read('HTTPS_PROXY') ?? read('HTTP_PROXY')) : read('HTTP_PROXY')
  if (proxy === undefined || isExcepted(hostname, port || (protocol === 'https:' ? '443' : '80'), read('NO_PROXY'))) {
    return undefined
  }
  return proxy.replace(/\/\/[^@/]*@/, '//')
}

/** `NO_PROXY`: names, names with their sub-domains (`.example.org`), with or without a port, or `*`. */
function isExcepted(hostname: string, port: string, except = ''): boolean {
  return except.split(/[\s,]+/).some((entry) => {
    if (entry === '') return false
    if (entry === '*') return true
    const [, name = '', only] = /^(.*?)(?::(\d+))?$/.exec(entry)!
    if (only !== undefined && only !== port) return false
    const plain = name.replace(/^\*?\./, '').toLowerCase()
    return hostname === plain || hostname.endsWith(`.${plain}`)
  })
}
