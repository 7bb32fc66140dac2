import { render } from 'preact'
import { App } from './app.js'
import { loadGallery } from './state/gallery.js'
import { keepJudgements } from './state/judgements.js'
import { followAddress } from './state/query.js'
import { followQuery } from './state/results.js'
import { followTheme } from './state/theme.js'
import './styles.css'

followTheme()
followAddress()
followQuery()
keepJudgements()
void loadGallery()
render(<App />, document.getElementById('app')!)
