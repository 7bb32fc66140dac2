/** `fetch` through the proxy that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` name; the runtime's own where none is. */
export async function fetchByEnvironment(url: string, init: RequestInit): Promise<Response> {
  if (proxyFor(url) === undefined) return fetch(url, init)
  const { EnvHttpProxyAgent, fetch: fetchThrough } = await import('undici')
  const [httpsProxy = '', httpProxy = '', noProxy = ''] = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY'].map((name) =>
    readVariable(name, process.env),
  )
  const key = [httpsProxy, httpProxy, noProxy].join(' ')
  if (agent?.key !== key) agent = { key, dispatcher: new EnvHttpProxyAgent({ httpsProxy, httpProxy, noProxy }) }
  const { dispatcher } = agent
  return (await fetchThrough(url, { ...(init as object), dispatcher })) as unknown as Response
}

/** One agent as long as the variables stay, since it keeps connections. */
let agent: { readonly key: string; readonly dispatcher: import('undici').EnvHttpProxyAgent } | undefined

type Environment = Readonly<Record<string, string | undefined>>
const readVariable = (name: string, env: Environment) => env[name.toLowerCase()] || env[name] || undefined

/** The proxy that an address would be asked through, without its password; undefined where it is asked directly. */
export function proxyFor(url: string, env: Environment = process.env): string | undefined {
  const { protocol, hostname, port } = new URL(url)
  const read = (name: string) => readVariable(name, env)
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
