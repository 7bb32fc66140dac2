import type { ComponentChildren } from 'preact'
import { useLayoutEffect } from 'preact/hooks'

export type Reply = 'a' | 'b' | 'skip'

interface QuestionPanelProps {
  /** Absent when nothing is left to ask. */
  readonly question?:
    | { readonly reference: ComponentChildren; readonly a: ComponentChildren; readonly b: ComponentChildren }
    | undefined
  readonly status: string
  readonly canUndo: boolean
  onReply(reply: Reply): void
  onUndo(): void
}

/** "Which is closer?", answered by pointer or keys. */
export function QuestionPanel({ question, status, canUndo, onReply, onUndo }: QuestionPanelProps) {
  // Before the page is painted: a key answers the question that is seen, never the one before.
  useLayoutEffect(() => {
    const keys: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => onReply('a'),
      ArrowRight: () => onReply('b'),
      ' ': () => onReply('skip'),
      Backspace: onUndo,
    }
    const press = (event: KeyboardEvent) => {
      const does = keys[event.key]
      if (!does || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return
      const at = event.target as Element
      if (at.closest('input, select, textarea, dialog')) return
      // Elsewhere on the page, it presses what has the focus.
      if (event.key === ' ' && at.closest('button') && !at.closest('.question')) return
      event.preventDefault()
      does()
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  })
  return (
    <section class="question" aria-labelledby="question-title">
      <h1 id="question-title">Which is closer to this one?</h1>
      <p class="hint" role="status">
        {status}
      </p>
      {question && (
        <>
          <div class="question-reference">{question.reference}</div>
          <div class="question-pair">
            <button type="button" aria-label="The left one is closer" onClick={() => onReply('a')}>
              {question.a}
            </button>
            <button type="button" aria-label="The right one is closer" onClick={() => onReply('b')}>
              {question.b}
            </button>
          </div>
        </>
      )}
      <div class="row centre">
        <button type="button" class="button" disabled={!question} onClick={() => onReply('skip')}>
          Skip <kbd>space</kbd>
        </button>
        <button type="button" class="button" disabled={!canUndo} onClick={onUndo}>
          Undo <kbd>backspace</kbd>
        </button>
      </div>
    </section>
  )
}
