//go:build helpdesk_1_1

package desk

// extraHTML shows a ticket's priority and lets people choose it.
const extraHTML = `
{{define "extra"}}<span class="badge {{.Priority}}">{{.Priority}}</span>{{end}}
{{define "extra-field"}}<label>Priority
<select name="priority">
<option value="low"{{if eq .Priority "low"}} selected{{end}}>low</option>
<option value="normal"{{if or (eq .Priority "") (eq .Priority "normal")}} selected{{end}}>normal</option>
<option value="high"{{if eq .Priority "high"}} selected{{end}}>high</option>
<option value="urgent"{{if eq .Priority "urgent"}} selected{{end}}>urgent</option>
</select></label>{{end}}`
