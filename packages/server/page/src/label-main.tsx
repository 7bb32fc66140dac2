import { render } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { QuestionPanel, type Reply } from './components/question-panel.js'
import './styles.css'

/** What the command `label` says: see its session. */
interface State {
  readonly question?: { readonly number: number; readonly reference: string; readonly a: string; readonly b: string }
  readonly answered: number
  readonly left: number
  readonly canUndo: boolean
}

const STOPPED = 'The command has stopped. Start it again: everything answered is kept.'

function LabelPage() {
  const [state, setState] = useState<State>()
  const [problem, setProblem] = useState<string>()
  const last = useRef(Promise.resolve())
  const ask = async (path: string, body?: object) => {
    try {
      const headers = { 'content-type': 'application/json' }
      const answer = await fetch(path, body ? { method: 'POST', headers, body: JSON.stringify(body) } : {})
      const said = (await answer.json()) as State & { message: string }
      setProblem(answer.ok ? undefined : said.message)
      if (answer.ok) setState(said)
    } catch {
      setProblem(STOPPED)
    }
  }
  // One after the other, none dropped: the command ignores a second answer to the same question.
  const inTurn = (path: string, body?: object) => {
    last.current = last.current.then(() => ask(path, body))
  }
  useEffect(() => inTurn('/state'), [])
  const question = state?.question
  const picture = (id: string, alt: string) => <img key={id} src={`/image?id=${encodeURIComponent(id)}`} alt={alt} />
  const counts =
    state && (question ? `${state.answered} answered, ${state.left} left` : `Done: ${state.answered} answered`)
  return (
    <main class="label-alone">
      <QuestionPanel
        question={
          question && {
            reference: picture(question.reference, 'Reference'),
            a: picture(question.a, 'Left candidate'),
            b: picture(question.b, 'Right candidate'),
          }
        }
        status={problem ?? counts ?? 'Loading'}
        canUndo={state?.canUndo ?? false}
        onReply={(answer: Reply) => question && inTurn('/answer', { number: question.number, answer })}
        onUndo={() => inTurn('/undo', {})}
      />
    </main>
  )
}

render(<LabelPage />, document.getElementById('app')!)
