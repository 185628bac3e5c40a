terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {}

resource "aws_ecs_cluster" "main" {
  name = "broken"
}

resource "aws_ecs_service" "main" {
  name            = "broken"
  cluster         = aws_ecs_cluster.main.arn
  task_definition = "nobody-registered-it:7"
  desired_count   = 1
}
