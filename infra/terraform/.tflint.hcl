# The bundled rules. What the provider knows better, it says itself in a plan.
plugin "terraform" {
  enabled = true
  preset  = "all"
}
