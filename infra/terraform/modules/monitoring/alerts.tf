resource "azurerm_monitor_action_group" "action_group" {
  name                = "ag-${var.site.name}"
  resource_group_name = var.site.resource_group
  short_name          = substr(var.site.compact, 0, 12)
  tags                = var.site.tags

  dynamic "email_receiver" {
    for_each = var.alert_emails
    content {
      name                    = email_receiver.value
      email_address           = email_receiver.value
      use_common_alert_schema = true
    }
  }
}

resource "azurerm_consumption_budget_resource_group" "budget" {
  name              = "budget-${var.site.name}"
  resource_group_id = var.resource_group_id
  amount            = var.budget_amount
  time_grain        = "Monthly"

  time_period {
    start_date = var.budget_start
  }

  dynamic "notification" {
    for_each = [
      { type = "Actual", threshold = 80 },
      { type = "Actual", threshold = 100 },
      { type = "Forecasted", threshold = 100 },
    ]
    content {
      operator       = "GreaterThan"
      threshold_type = notification.value.type
      threshold      = notification.value.threshold
      contact_groups = [azurerm_monitor_action_group.action_group.id]
    }
  }
}
