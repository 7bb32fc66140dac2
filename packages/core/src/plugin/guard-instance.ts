import { isLookalikeError } from '../errors.js'

/** What to throw in place of what a plugin threw in its method `during`. */
type Tell = (cause: unknown, during: string) => unknown

/** What guarding found before: an object's guard, or itself where there is nothing to guard. */
const guards = new WeakSet<object>()

/** Marks an object that whoever holds it is not to guard: what another plugin made. */
export function leaveUnguarded<T>(made: T): T {
  if (isObject(made)) guards.add(made)
  return made
}

/**
 * The same object, but for what its methods throw, now or later: `tell` says what that becomes. What methods and
 * properties give (promises, iterators, further objects with methods) is guarded in the same way; data passes as it is.
 *
 * Errors of Lookalike, and whatever is thrown once a signal among the arguments has fired, pass unchanged.
 *
 * @param signal of the call that made the object
 */
export function guardInstance<T>(made: T, tell: Tell, signal?: AbortSignal | undefined): T {
  const known = new WeakMap<object, object>()

  function guard(value: unknown, during: string, signals: readonly AbortSignal[]): unknown {
    if (!isObject(value) || guards.has(value)) return value
    const earlier = known.get(value)
    if (earlier !== undefined) return earlier
    const guarded = Array.isArray(value)
      ? hasMethods(value[0], 2)
        ? value.map((item) => guard(item, during, signals))
        : value
      : hasMethods(value, 2)
        ? copyOf(value, during, signals)
        : value
    known.set(value, guarded as object)
    return guarded
  }

  /** A copy rather than a proxy: it can be spread, and a frozen object is no obstacle. */
  function copyOf(target: object, during: string, signals: readonly AbortSignal[]): object {
    const copy = Object.create(Object.getPrototypeOf(target) as object | null) as object
    guards.add(copy)
    for (const [key, { enumerable, method }] of membersOf(target)) {
      const name = typeof key !== 'string' || OF_ITERATORS.has(key) ? during : key
      const read = () => attempt(() => Reflect.get(target, key, target) as unknown, name, signals)
      if (method) {
        const call = (...given: unknown[]) =>
          attempt(() => (Reflect.get(target, key, target) as Method).apply(target, given), name, [
            ...signals,
            ...given.flatMap(signalOf),
          ])
        Object.defineProperty(copy, key, { value: call, enumerable, configurable: true, writable: true })
      } else {
        const set = (value: unknown) => void Reflect.set(target, key, value, target)
        Object.defineProperty(copy, key, { get: read, set, enumerable, configurable: true })
      }
    }
    return copy
  }

  function attempt(run: () => unknown, during: string, signals: readonly AbortSignal[]): unknown {
    const told = (cause: unknown) =>
      isLookalikeError(cause) || signals.some(({ aborted }) => aborted) ? cause : tell(cause, during)
    let result: unknown
    try {
      result = run()
    } catch (cause) {
      throw told(cause)
    }
    if (!isThenable(result)) return guard(result, during, signals)
    return Promise.resolve(result).then(
      (value) => guard(value, during, signals),
      (cause) => {
        throw told(cause)
      },
    )
  }

  return guard(made, 'create', signal === undefined ? [] : [signal]) as T
}

type Method = (...given: unknown[]) => unknown

const OF_ITERATORS: ReadonlySet<string> = new Set(['next', 'return', 'throw'])

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return isObject(value) && typeof (value as { then?: unknown }).then === 'function'
}

function signalOf(given: unknown): AbortSignal[] {
  const signal = isObject(given) && 'signal' in given ? given.signal : given
  return signal instanceof AbortSignal ? [signal] : []
}

/** Whether an object, or one that lies in it, does anything: data does not, nor do the classes of the platform. */
function hasMethods(value: unknown, depth: number): boolean {
  if (!isObject(value)) return false
  if (guards.has(value)) return true
  if (Array.isArray(value)) return depth > 0 && hasMethods(value[0], depth - 1)
  if (isPlatform(value)) return false
  for (const { method, getter, data } of membersOf(value).values()) {
    if (method || getter) return true
    if (depth > 0 && hasMethods(data, depth - 1)) return true
  }
  return false
}

function isPlatform(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null || prototype === Object.prototype) return false
  if (ArrayBuffer.isView(value) || value instanceof Error) return true
  const { constructor } = value as { constructor?: { name?: string } }
  const name = constructor?.name
  return name !== undefined && (globalThis as Record<string, unknown>)[name] === constructor && !('next' in value)
}

interface Member {
  readonly enumerable: boolean
  readonly method: boolean
  readonly getter: boolean
  /** Of a property that is read without running anything. */
  readonly data?: unknown
}

/** What an object has of its own and of its classes. */
function membersOf(value: object): Map<string | symbol, Member> {
  const members = new Map<string | symbol, Member>()
  for (
    let owner: object | null = value;
    owner !== null && owner !== Object.prototype;
    owner = Object.getPrototypeOf(owner) as object | null
  )
    for (const key of Reflect.ownKeys(owner)) {
      if (key === 'constructor' || members.has(key)) continue
      const { enumerable = false, value: data, get } = Object.getOwnPropertyDescriptor(owner, key)!
      members.set(key, { enumerable, method: typeof data === 'function', getter: get !== undefined, data })
    }
  return members
}
