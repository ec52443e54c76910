/** The sound of this desk: armed by a click, repeating until somebody answers, silent for two minutes at most. */
import { computed, ref, watch } from 'vue'
import { t } from '../i18n'
import { AGAIN_FOR, breaksSilence, dueTone, isSilent, silence, silenceLeft, type Echoes, type Silence } from '../sound/demand'
import { Speaker, type AudioState } from '../sound/speaker'
import { serverNow, steadyNow } from './clock'
import { board, flooded, onAlarm, stale } from './live'
import { tell } from './toasts'

export const audioState = ref<AudioState>('none')
/** Measured at the analyser, 0..1: what really goes to the loudspeaker. */
export const level = ref(0)
const silentUntil = ref<Silence>(null)
const echoes: Echoes = new Map()
/** Somebody here knows that the way of alarms is broken: its bar stays, its sound ends. */
export const pipelineNoted = ref(false)

const speaker = new Speaker((state) => {
  audioState.value = state
})

export const armed = computed(() => audioState.value === 'running')
export const silentFor = computed(() => silenceLeft(silentUntil.value, steadyNow.value))

/** What should sound, silence or not. */
export const due = computed(() => {
  const broken = stale.value || (!board.pipeline.ok && !pipelineNoted.value)
  return dueTone(board.incidents.values(), echoes, broken, flooded.value, serverNow.value, steadyNow.value)
})
/** What does sound, if the browser lets it. */
export const sounding = computed(() => (isSilent(silentUntil.value, steadyNow.value) ? null : due.value))

watch(sounding, (tone) => speaker.play(tone), { immediate: true })
watch(steadyNow, () => {
  const now = Math.round(speaker.level() * 1000) / 1000
  if (now !== level.value) level.value = now
})

onAlarm((incident, kind) => {
  if (kind === 'again') echoes.set(incident.id, performance.now() + AGAIN_FOR)
  if (breaksSilence(incident, flooded.value) && isSilent(silentUntil.value, performance.now())) {
    silentUntil.value = null
    tell(t('silenceBroken'), 'warning')
  }
})

watch(
  () => board.pipeline.ok,
  (ok) => {
    if (ok) pipelineNoted.value = false // the next failure sounds again
  },
)

/** Somebody took a step on an incident: its repeat has been heard. */
export function hush(id: string): void {
  echoes.delete(id)
}

/** To be called from a click or a key. */
export function arm(): void {
  void speaker.arm()
}

/** Silence this desk, two minutes at most. */
export function askSilence(): void {
  if (due.value === null) tell(t('nothingToSilence'))
  silentUntil.value = silence(silentUntil.value, due.value, performance.now())
}

export function endSilence(): void {
  silentUntil.value = null
}
