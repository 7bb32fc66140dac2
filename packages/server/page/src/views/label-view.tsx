import { useEffect, useState } from 'preact/hooks'
import { type ApiError, api, type Item } from '../api.js'
import { Confirm } from '../components/dialog.js'
import { Icon } from '../components/icon.js'
import { Picture } from '../components/picture.js'
import { QuestionPanel, type Reply } from '../components/question-panel.js'
import { Empty, Failed, Loading } from '../components/states.js'
import { number } from '../names.js'
import { asApiError, gallery } from '../state/gallery.js'
import { answer, forgetAll, judgements, takeBackAnswer, triples, triplesCsv } from '../state/judgements.js'
import { filter } from '../state/query.js'

/** Images that questions are about. */
const POOL = 1000

interface Question {
  readonly reference: Item
  readonly a: Item
  readonly b: Item
}

function draw(items: readonly Item[]): Question | undefined {
  if (items.length < 3) return undefined
  const left = [...items]
  const take = () => left.splice(Math.floor(Math.random() * left.length), 1)[0]!
  return { reference: take(), a: take(), b: take() }
}

/** Questions about the images of the gallery, and the export of everything that was judged on this page. */
export function LabelView() {
  const [items, setItems] = useState<readonly Item[]>()
  const [question, setQuestion] = useState<Question>()
  const [error, setError] = useState<ApiError>()
  const wanted = filter.value
  useEffect(() => {
    const controller = new AbortController()
    const query = { limit: POOL, rejected: 'without' as const, filter: wanted && JSON.stringify(wanted) }
    api.items(query, controller.signal).then(
      ({ items: all }) => {
        const shown = all.filter(({ thumbnail }) => thumbnail !== null)
        setItems(shown)
        setQuestion(draw(shown))
      },
      (cause) => controller.signal.aborted || setError(asApiError(cause)),
    )
    return () => controller.abort()
  }, [JSON.stringify(wanted)])
  const reply = (given: Reply) => {
    if (!question || !items) return
    const { reference, a, b } = question
    if (given !== 'skip') answer({ reference: reference.id, a: a.id, b: b.id, closer: given })
    setQuestion(draw(items))
  }
  const { answers } = judgements.value
  if (error) return <Failed error={error} />
  if (!items) return <Loading text="Drawing questions" />
  return (
    <div class="main-column alone label-columns">
      {items.length < 3 ? (
        <Empty title="Too few images">
          <p>Questions need at least three images with pictures.</p>
        </Empty>
      ) : (
        <QuestionPanel
          question={
            question && {
              reference: <Picture item={question.reference} edge={512} alt="Reference" />,
              a: <Picture item={question.a} edge={512} alt="Left candidate" />,
              b: <Picture item={question.b} edge={512} alt="Right candidate" />,
            }
          }
          status={`${number(answers.length)} answered here`}
          canUndo={answers.length > 0}
          onReply={reply}
          onUndo={takeBackAnswer}
        />
      )}
      <ExportPanel />
    </div>
  )
}

function ExportPanel() {
  const [asks, setAsks] = useState(false)
  const list = triples.value
  const { answers, marks } = judgements.value
  const marked = Object.values(marks).flatMap((of) => Object.values(of))
  const save = () => {
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([triplesCsv(list)], { type: 'text/csv' }))
    link.download = `${(gallery.value?.name ?? 'gallery').replaceAll(/[^\w-]+/g, '-')}-triples.csv`
    link.click()
    URL.revokeObjectURL(link.href)
  }
  return (
    <section class="panel export" aria-labelledby="export-title">
      <h2 id="export-title">Triples</h2>
      <dl class="facts">
        <div>
          <dt>Questions answered</dt>
          <dd>{number(answers.length)}</dd>
        </div>
        <div>
          <dt>Answers marked right</dt>
          <dd>{number(marked.filter((each) => each === 'right').length)}</dd>
        </div>
        <div>
          <dt>Answers marked wrong</dt>
          <dd>{number(marked.filter((each) => each === 'wrong').length)}</dd>
        </div>
        <div>
          <dt>Triples</dt>
          <dd>{number(list.length)}</dd>
        </div>
      </dl>
      <p class="hint">
        Each pair of a right and a wrong answer is a triple: the right one is closer to what was searched by. This
        browser keeps them. A <code>triples</code> dataset reads the file, and an ensemble trains on it.
      </p>
      <div class="row">
        <button type="button" class="button primary" disabled={list.length === 0} onClick={save}>
          <Icon name="download" /> Export {number(list.length)}
        </button>
        <button
          type="button"
          class="button"
          disabled={answers.length + marked.length === 0}
          onClick={() => setAsks(true)}
        >
          Forget all
        </button>
      </div>
      {asks && (
        <Confirm
          title="Forget all answers and marks?"
          text="They are gone unless you exported them."
          action="Forget all"
          onConfirm={forgetAll}
          onClose={() => setAsks(false)}
        />
      )}
    </section>
  )
}
