locals {
  protocol   = var.certificate_arn == null ? "HTTP" : "HTTPS"
  ssl_policy = var.certificate_arn == null ? null : "ELBSecurityPolicy-TLS13-1-2-2021-06"
}

resource "aws_lb" "main" {
  name               = var.name
  load_balancer_type = "application"
  security_groups    = [aws_security_group.load_balancer.id]
  subnets            = local.subnet_ids
}

resource "aws_lb_target_group" "app" {
  for_each = local.target_groups

  name                 = "${var.name}-${each.key}"
  port                 = var.container_port
  protocol             = "HTTP"
  vpc_id               = local.vpc_id
  target_type          = "ip"
  deregistration_delay = 30

  health_check {
    path                = var.health_check_path
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}
