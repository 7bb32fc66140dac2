/** Whether a promise rejects; with what. */
export async function rejection(
  work: () => unknown,
): Promise<{ readonly rejected: boolean; readonly reason?: unknown }> {
  try {
    await work()
    return { rejected: false }
  } catch (reason) {
    return { rejected: true, reason }
  }
}

/** A signal that is aborted already, and its reason. */
export function abortedSignal(): { readonly signal: AbortSignal; readonly reason: Error } {
  const reason = new Error('stopped by the conformance check')
  return { signal: AbortSignal.abort(reason), reason }
}

/** Checks that work handed an aborted signal rejects with the signal's reason. */
export async function checkAbort(
  work: (signal: AbortSignal) => unknown,
  report: (message: string) => void,
): Promise<void> {
  const { signal, reason } = abortedSignal()
  const outcome = await rejection(() => work(signal))
  if (!outcome.rejected)
    report('it went on although the signal was aborted; expected: signal?.throwIfAborted() before the work')
  else if (outcome.reason !== reason)
    report(`it rejected with "${String(outcome.reason)}" instead of the signal's reason`)
}
