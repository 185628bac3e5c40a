# What stops a deployment: answers of the tasks that are errors.

resource "aws_cloudwatch_metric_alarm" "errors" {
  for_each = aws_lb_target_group.app

  alarm_name          = "${var.name}-${each.key}-errors"
  alarm_description   = "Errors of the target group ${each.key}"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HTTPCode_Target_5XX_Count"
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  threshold           = 5
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"

  dimensions = {
    LoadBalancer = aws_lb.main.arn_suffix
    TargetGroup  = each.value.arn_suffix
  }
}

resource "aws_cloudwatch_composite_alarm" "any" {
  alarm_name = "${var.name}-any-errors"
  alarm_rule = join(" OR ", [for alarm in aws_cloudwatch_metric_alarm.errors : "ALARM(\"${alarm.alarm_name}\")"])
}
