/** Something about a plugin that does not hold. */
export interface Issue {
  /** Stable name of the check: `loss/gradients`. */
  readonly check: string
  /** What was found, with the numbers. */
  readonly message: string
}

/** Returned by a check of something that the plugin does not claim. */
export const NOT_CLAIMED = 'not claimed'

/** One thing that has to hold. */
export interface Check<Subject> {
  /** Stable: `loss/gradients`. */
  readonly id: string
  /** What has to hold, as half a sentence; the name of the test. */
  readonly claim: string
  run(subject: Subject, report: (message: string) => void): Promise<typeof NOT_CLAIMED | void>
}

/** The checks of a kind, and how their subject is made and put away. */
export interface Suite<Part, Options, Subject> {
  readonly checks: readonly Check<Subject>[]
  /** Cheap: parts are created by the checks. */
  open(create: Create<Part>, options: Options): Subject
  close(subject: Subject): Promise<void>
}

/** Makes a fresh part; called several times. */
export type Create<Part> = () => Part | Promise<Part>

/** Runs one check; what it throws is a finding too. */
export async function runCheck<Subject>(
  check: Check<Subject>,
  subject: Subject,
): Promise<{ readonly issues: readonly Issue[]; readonly claimed: boolean }> {
  const issues: Issue[] = []
  const report = (message: string) => issues.push({ check: check.id, message })
  let outcome: typeof NOT_CLAIMED | void = undefined
  try {
    outcome = await check.run(subject, report)
  } catch (error) {
    report(`it failed: ${error instanceof Error ? error.message : String(error)}`)
  }
  return { issues, claimed: outcome !== NOT_CLAIMED }
}

/** Runs all checks of a kind. */
export async function runSuite<Part, Options, Subject>(
  suite: Suite<Part, Options, Subject>,
  create: Create<Part>,
  options: Options,
): Promise<readonly Issue[]> {
  const subject = suite.open(create, options)
  try {
    const issues: Issue[] = []
    for (const check of suite.checks) issues.push(...(await runCheck(check, subject)).issues)
    return issues
  } finally {
    await suite.close(subject)
  }
}
