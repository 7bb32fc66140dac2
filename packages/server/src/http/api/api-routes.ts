import type { Route } from '../routes.js'
import type { ApiOptions } from './api-options.js'
import { changeRoutes } from './change-routes.js'
import { itemRoutes } from './item-routes.js'
import { overviewRoutes } from './overview-routes.js'
import { searchRoutes } from './search-routes.js'
import { stateRoutes } from './state-routes.js'

/** In the order of the description. */
export function apiRoutes(options: ApiOptions): Route[] {
  return [stateRoutes, searchRoutes, overviewRoutes, itemRoutes, changeRoutes].flatMap((routes) => routes(options))
}
