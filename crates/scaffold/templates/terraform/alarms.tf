# What takes a release back: too many answers of its tasks that are errors.

resource "aws_cloudwatch_metric_alarm" "errors" {
  for_each = aws_lb_target_group.app

  alarm_name          = "${var.name}-${each.key}-errors"
  alarm_description   = "5xx answers of the tasks in target group ${each.key}"
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
