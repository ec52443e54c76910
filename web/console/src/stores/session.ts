/** Who sits here: logged in or not. */
import { computed, reactive, readonly } from 'vue'
import { logIn, logOut, whoAmI } from '../api/calls'
import { Refused, Unreachable, whenLoggedOut } from '../api/http'
import type { Me } from '../api/wire'
import { t } from '../i18n'

interface Session {
  /** `asking`: the page has just been opened; `unreachable`: nobody answered that question. */
  state: 'asking' | 'out' | 'in' | 'unreachable'
  me: Me | null
  /** The session was there and ended: the log-in page says so. */
  ended: boolean
}

const state = reactive<Session>({ state: 'asking', me: null, ended: false })
export const session = readonly(state)

/** Who takes the steps of this desk. */
export const taker = computed(() => ({ name: state.me?.name ?? '', leads: state.me?.may.includes('shelve') ?? false }))

function enter(me: Me): void {
  state.me = me
  state.state = 'in'
  state.ended = false
}

/** The server no longer knows us. */
export function sessionEnded(): void {
  state.ended = state.state === 'in'
  state.state = 'out'
  state.me = null
}

whenLoggedOut(sessionEnded)

/** Ask the server whether this browser has a session. */
export async function resumeSession(): Promise<void> {
  state.state = 'asking'
  try {
    enter(await whoAmI())
  } catch (error) {
    if (error instanceof Refused && error.problem.status === 401) state.state = 'out'
    else state.state = 'unreachable'
  }
}

/** Log in; returns null, or in words why not. */
export async function enterWith(name: string, password: string): Promise<string | null> {
  if (name.trim() === '' || password === '') return t('errorFields')
  try {
    await logIn(name.trim(), password)
    enter(await whoAmI())
    return null
  } catch (error) {
    return reason(error)
  }
}

function reason(error: unknown): string {
  if (error instanceof Unreachable) return t('errorUnreachable')
  if (!(error instanceof Refused)) throw error
  const { status } = error.problem
  if (status === 401) return t('errorCredentials')
  if (status === 429) return t('errorTooMany', { seconds: error.retryAfter ?? 60 })
  if (status === 403) return t('errorForbidden')
  if (status === 422) return t('errorFields')
  return t('errorServer', { status })
}

export async function leave(): Promise<void> {
  try {
    await logOut()
  } catch (error) {
    if (!(error instanceof Refused && error.problem.status === 401)) {
      // still logged in as far as the server knows: don't pretend otherwise
      state.state = 'unreachable'
      return
    }
  }
  sessionEnded()
  state.ended = false
}
