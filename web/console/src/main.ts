import 'leaflet/dist/leaflet.css'
import './styles/base.css'
import './styles/form.css'
import './styles/map.css'
import './styles/row.css'
import { createApp } from 'vue'
import App from './App.vue'

createApp(App).mount('#app')
